# Stores what other pods sent.
module Diaspora
  module Federation
    module Receive
      TARGETS = {"Post" => "Post", "Comment" => "Comment"}.freeze

      def self.perform(entity, recipient)
        public_send(entity.class.entity_name, entity, recipient)
      end

      def self.status_message(entity, _recipient)
        post = StatusMessage.find_by(guid: entity.guid)
        return post if post && post.author == author_of(entity)

        StatusMessage.create!(guid: entity.guid, author: author_of(entity), text: entity.text,
                              public: entity.public == "true", created_at: entity.created_at,
                              provider_display_name: entity.provider_display_name)
      end

      def self.comment(entity, _recipient)
        parent = Post.find_by(guid: entity.parent_guid) or raise DiasporaFederation::Rejected, "no such post"
        Comment.find_by(guid: entity.guid) ||
          Comment.create!(guid: entity.guid, author: author_of(entity), commentable: parent, text: entity.text)
      end

      def self.contact(entity, recipient)
        contact = recipient.contacts.find_or_initialize_by(person_id: author_of(entity).id)
        contact.sharing = entity.sharing != "false"
        contact.sharing || contact.receiving ? contact.save! : contact.destroy
        follow_back(contact, recipient)
      end

      def self.profile(entity, _recipient)
        author_of(entity).profile.update!(first_name: entity.first_name, last_name: entity.last_name,
                                          birthday: entity.birthday.presence,
                                          searchable: entity.searchable != "false")
      end

      def self.retraction(entity, _recipient)
        model = TARGETS.fetch(entity.target_type) { raise DiasporaFederation::Entity::UnknownEntity, entity.to_s }
        target = model.constantize.find_by(guid: entity.target_guid)
        unless target && target.author == author_of(entity)
          raise DiasporaFederation::Entities::Retraction::TargetNotFound, entity.to_s
        end

        target.destroy!
      end

      def self.account_deletion(entity, _recipient)
        person = author_of(entity)
        person.lock_access!
        AccountDeletion.create!(person: person)
      end

      def self.author_of(entity) = Person.find_or_fetch_by_identifier(entity.author)

      def self.follow_back(contact, recipient)
        return unless recipient.auto_follow_back && contact.sharing && !contact.receiving

        recipient.share_with(contact.person, Aspect.find(recipient.auto_follow_back_aspect_id))
      end

      private_class_method :author_of, :follow_back
    end
  end
end
