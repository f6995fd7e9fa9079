# That something of its author's is gone.
module DiasporaFederation
  module Entities
    class Retraction < Entity
      TargetNotFound = Class.new(Rejected)

      carries :author, :target_guid, :target_type

      def to_s = "Retraction:#{target_type}:#{target_guid}"
      def to_h = self.class.fields.to_h {|field| [field.to_s, public_send(field)] }
    end
  end
end
