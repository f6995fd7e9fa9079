# Sends one mail through the pod's own Rails, and says what its mail server answered; run by rails
# runner from stdin. The line `request` is put before it: {"to"}. Writes `podfleet: {...}`.
# It uses nothing that diaspora* lacks, on Rails 6.1 as on 7.2.

message = ActionMailer::Base.mail(
  from:    AppConfig.mail.sender_address.to_s,
  to:      request["to"],
  subject: "podfleet verify: this pod can send mail",
  body:    "podfleet verify sent this mail through the pod's own settings. There is nothing to do."
).message

courier = message.delivery_method
courier.settings[:return_response] = true
outcome = begin
  answer = courier.deliver!(message)
  said = answer.respond_to?(:string) ? answer.string.strip : "handed to #{courier.class.name}"
  {"sent" => true, "answer" => said}
rescue StandardError => e
  {"sent" => false, "answer" => "#{e.class}: #{e.message.strip}"}
end

puts "podfleet: #{outcome.to_json}"
