# Makes what travels from what is stored.
module Diaspora
  module Federation
    module Entities
      Wire = DiasporaFederation::Entities

      BUILDERS = {
        "StatusMessage"   => :status_message,
        "Comment"         => :comment,
        "Contact"         => :contact,
        "Profile"         => :profile,
        "AccountDeletion" => :account_deletion
      }.freeze

      def self.build(object) = public_send(BUILDERS.fetch(object.class.name), object)

      def self.status_message(post)
        Wire::StatusMessage.new(author: post.author.diaspora_handle, guid: post.guid, created_at: post.created_at,
                                public: post.public, text: post.text,
                                provider_display_name: post.provider_display_name)
      end

      def self.comment(comment)
        Wire::Comment.new(author: comment.author.diaspora_handle, guid: comment.guid,
                          parent_guid: comment.commentable.guid, text: comment.text, created_at: comment.created_at)
      end

      def self.contact(contact)
        Wire::Contact.new(author: contact.user.diaspora_handle, recipient: contact.person.diaspora_handle,
                          following: contact.receiving, sharing: contact.receiving)
      end

      def self.profile(profile)
        Wire::Profile.new(author: profile.person.diaspora_handle, full_name: profile.full_name,
                          first_name: profile.first_name, last_name: profile.last_name,
                          birthday: profile.birthday, searchable: profile.searchable)
      end

      def self.account_deletion(deletion) = Wire::AccountDeletion.new(author: deletion.person.diaspora_handle)

      def self.retraction_of(target)
        type = target.is_a?(Post) ? "Post" : target.class.name
        Wire::Retraction.new(author: target.author.diaspora_handle, target_guid: target.guid, target_type: type)
      end
    end
  end
end
