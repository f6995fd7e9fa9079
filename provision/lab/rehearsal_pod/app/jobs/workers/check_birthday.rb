# Tells people by mail that one of those they share with has a birthday.
module Workers
  class CheckBirthday < Base
    sidekiq_options queue: :low

    def perform
      today = Date.current
      born = Profile.where("EXTRACT(month FROM birthday) = ?", today.month)
                    .where("EXTRACT(day FROM birthday) = ?", today.day)
      born.includes(person: :contacts).find_each do |profile|
        profile.person.contacts.each {|contact| Notifier.birthday(contact.user, profile.person).deliver_now }
      end
    end
  end
end
