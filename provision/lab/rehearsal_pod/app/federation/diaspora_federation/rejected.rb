# What came in and will never be acceptable.
module DiasporaFederation
  class Rejected < StandardError; end
end
