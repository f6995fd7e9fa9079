# That its author is gone.
module DiasporaFederation
  module Entities
    class AccountDeletion < Entity
      carries :author

      def identity = author
    end
  end
end
