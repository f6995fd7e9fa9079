# Opens what came in, checks who signed it, and hands it on.
module DiasporaFederation
  module Federation
    module Receiver
      extend PodLog::Speaker

      InvalidSender = Class.new(Rejected)
      NotPublic = Class.new(Rejected)

      def self.receive_public(xml)
        receive(xml) do |entity|
          raise NotPublic, entity.to_s if entity.is_a?(Entities::StatusMessage) && entity.public != "true"
          raise NotPublic, entity.to_s if entity.is_a?(Entities::Contact)
        end
      end

      def self.receive_private(json, recipient)
        receive(Salmon::EncryptedMagicEnvelope.decrypt(json, recipient.encryption_key), recipient)
      end

      def self.receive(xml, recipient=nil)
        envelope = Salmon::MagicEnvelope.unenvelop(xml) {|sender| key_of(sender) }
        entity = Entity.parse(envelope.payload)
        check_sender(entity, envelope.sender)
        yield entity if block_given?
        Person.find_by(diaspora_handle: envelope.sender)&.pod&.schedule_check_if_needed
        Diaspora::Federation::Receive.perform(entity, recipient)
        logger.info "successfully received #{entity} from #{envelope.sender}"
      end

      def self.key_of(sender)
        Person.find_or_fetch_by_identifier(sender).public_key
      rescue Discovery::DiscoveryError => e
        raise Salmon::SenderKeyNotFound, e.message if e.message.include?("is no handle")

        raise
      end

      # A comment may be passed on by the owner of what it is on; all else only by its author.
      def self.check_sender(entity, sender)
        return if entity.author.to_s.downcase == sender.to_s.downcase
        return if entity.is_a?(Entities::Comment) && owns_parent?(sender, entity.parent_guid)

        raise InvalidSender, "#{entity} of #{entity.author} was sent by #{sender}"
      end

      def self.owns_parent?(sender, guid)
        Post.joins(:author).exists?(guid: guid, people: {diaspora_handle: sender})
      end

      private_class_method :receive, :key_of, :check_sender, :owns_parent?
    end
  end
end
