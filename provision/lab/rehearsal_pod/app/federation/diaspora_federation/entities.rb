# The kinds of things this pod understands, by the name of their root element.
module DiasporaFederation
  module Entities
    KNOWN = %w[status_message comment contact profile retraction account_deletion].freeze

    def self.class_for(name)
      raise Entity::UnknownEntity, name unless KNOWN.include?(name)

      const_get(name.camelize)
    end
  end
end
