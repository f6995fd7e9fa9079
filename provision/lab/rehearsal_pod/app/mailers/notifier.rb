# Mail to users and podmins.
class Notifier < ActionMailer::Base
  default from: -> { AppConfig.mail.sender_address.get }

  # One letter from the podmin; options: subject.
  def single_admin(text, recipient, options={})
    letter(recipient, options[:subject] || "A message from your diaspora* administrator:", text)
  end

  def self.admin(text, recipients, options={})
    recipients.map {|recipient| single_admin(text, recipient, options) }
  end

  def birthday(user, person) = letter(user, "#{person.name} has a birthday", "Wish #{person.name} a happy birthday.")

  def removal_warning(user)
    letter(user, "Your account will be removed",
           "Nobody has used your account on #{AppConfig.pod_uri} for long. Sign in before " \
           "#{user.remove_after.to_date} to keep it.")
  end

  private

  def letter(user, subject, text)
    mail(to: user.email, subject: subject, content_type: "text/plain", body: text)
  end
end
