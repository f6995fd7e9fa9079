# That its author shares with its recipient from now on, or no longer.
module DiasporaFederation
  module Entities
    class Contact < Entity
      carries :author, :recipient, :following, :sharing, required: %i[author recipient]

      def identity = "#{author}:#{recipient}"
    end
  end
end
