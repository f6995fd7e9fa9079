# What its author says about themselves.
module DiasporaFederation
  module Entities
    class Profile < Entity
      carries :author, :full_name, :first_name, :last_name, :birthday, :searchable, required: %i[author]

      def identity = author
    end
  end
end
