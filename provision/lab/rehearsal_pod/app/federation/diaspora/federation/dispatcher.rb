# Works out which pods must hear of something and queues the deliveries.
module Diaspora
  module Federation
    class Dispatcher
      include PodLog::Speaker

      def self.defer_dispatch(user, object, options={})
        Workers::DeferredDispatch.perform_async(user.id, object.class.to_s, object.id, options.stringify_keys)
      end

      def self.build(user, object, subscribers: nil)
        people = subscribers ? Person.where(id: subscribers) : object.subscribers
        is_public = object.try(:public?) || object.is_a?(AccountDeletion)
        new(user, Entities.build(object), people, public: is_public)
      end

      # Tells the subscribers of a post, now and before it is gone, that it will be.
      def self.retract(user, target)
        people = target.subscribers.remote.pluck(:id)
        Workers::DeferredRetraction.perform_async(user.id, Entities.retraction_of(target).to_h, people, target.public?)
      end

      def initialize(user, entity, people, public:)
        @user = user
        @entity = entity
        @people = people.to_a.select(&:remote?)
        @public = public
      end

      def dispatch
        @public ? dispatch_public : dispatch_private
      end

      private

      def envelope_xml
        @envelope_xml ||= DiasporaFederation::Salmon::MagicEnvelope.new(@entity.to_xml, @user.diaspora_handle)
                                                                   .envelop(@user.encryption_key)
      end

      def dispatch_public
        publish_to_hub if @entity.is_a?(DiasporaFederation::Entities::StatusMessage)
        urls = active(Pod.where(id: @people.map(&:pod_id).uniq)).map {|pod| pod.url_to("/receive/public") }
        Workers::SendPublic.perform_async(@user.id, @entity.to_s, urls, envelope_xml) if urls.any?
      end

      def dispatch_private
        people = @people.select {|person| active([person.pod]).any? }
        targets = people.to_h {|person| [person.receive_url, encrypted_for(person)] }
        Workers::SendPrivate.perform_async(@user.id, @entity.to_s, targets) if targets.any?
      end

      def encrypted_for(person)
        DiasporaFederation::Salmon::EncryptedMagicEnvelope.encrypt(envelope_xml, person.public_key)
      end

      def active(pods)
        alive, given_up = pods.partition(&:active?)
        logger.info "ignoring inactive pods: #{given_up.join(', ')}" if given_up.any?
        alive
      end

      def publish_to_hub = Workers::PublishToHub.perform_async(@user.person.atom_url)
    end
  end
end
