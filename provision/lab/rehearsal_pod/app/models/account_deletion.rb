# The closing of an account: other pods are told, then its contents go.
class AccountDeletion < ApplicationRecord
  belongs_to :person

  scope :uncompleted, -> { where(completed_at: nil) }

  after_commit(on: :create) { Workers::DeleteAccount.perform_async(id) }

  def perform!
    Diaspora::Federation::Dispatcher.build(person.owner, self).dispatch if person.local?
    transaction do
      person.posts.destroy_all
      person.owner&.contacts&.destroy_all
      update!(completed_at: Time.now.utc)
    end
  end

  def subscribers = Person.where(id: person.owner.contacts.select(:person_id))
end
