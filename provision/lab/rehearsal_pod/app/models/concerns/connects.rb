# How an account shares with other people, and what leaves for other pods because of it.
module Connects
  # Starts to share with a person, here or elsewhere; the contact, or false where it is refused.
  def share_with(person, aspect)
    contact = contacts.find_or_initialize_by(person_id: person.id)
    return false unless contact.valid?

    is_new = !contact.receiving?
    contact.receiving = true
    contact.aspects << aspect unless contact.aspects.include?(aspect)
    contact.save!
    announce(contact, person) if is_new
    contact
  end

  def disconnect(contact)
    contact.aspect_memberships.destroy_all
    contact.update!(receiving: false)
    Diaspora::Federation::Dispatcher.defer_dispatch(self, contact)
    contact.destroy unless contact.sharing?
  end

  # Whose posts make up the user's stream: their own and those of the people they share with.
  def stream_authors
    contacts.where(receiving: true).pluck(:person_id).push(person.id)
  end

  def retract(target)
    Diaspora::Federation::Dispatcher.retract(self, target)
    target.destroy!
  end

  private

  def announce(contact, person)
    Diaspora::Federation::Dispatcher.defer_dispatch(self, contact)
    return if person.local?

    Diaspora::Federation::Dispatcher.defer_dispatch(self, self.person.profile, subscribers: [person.id])
  end
end
