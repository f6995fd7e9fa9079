# A person could not be found where their handle points.
module DiasporaFederation
  module Discovery
    class DiscoveryError < StandardError; end
  end
end
