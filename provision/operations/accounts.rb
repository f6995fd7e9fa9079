# The first administrator and the canary's account, made in one boot of Rails; run by rails runner.
# Reads {"admin", "canary": {"username", "email", "password"}, "url"} from stdin, and writes one
# line, `podfleet: {...}`, with the canary's token. Every part looks first: it may be run again.
# It uses nothing that diaspora* lacks, on Rails 6.1 as on 7.2.

require "json"

request = JSON.parse($stdin.read)

account = lambda do |wanted|
  user = User.find_by(username: wanted["username"].downcase)
  unless user
    user = User.build(
      username:              wanted["username"],
      email:                 wanted["email"],
      password:              wanted["password"],
      password_confirmation: wanted["password"],
      language:              "en"
    )
    user.save!
  end
  user.seed_aspects if user.aspects.empty?
  user
end

admin = request["admin"] && account.call(request["admin"])
Role.add_admin(admin.person) if admin

canary = account.call(request["canary"])
# Nobody reads its mail: what a new contact sets off would come back, as its address has no box.
canary.update_column(:disable_mail, true) unless canary.disable_mail
redirect = "#{request['url']}/"
application = Api::OpenidConnect::OAuthApplication.find_by(client_name: "podfleet canary") ||
              Api::OpenidConnect::OAuthApplication.create!(
                client_name: "podfleet canary", redirect_uris: [redirect]
              )
authorization = Api::OpenidConnect::Authorization.find_by(
  user_id: canary.id, o_auth_application_id: application.id
)
authorization ||= Api::OpenidConnect::Authorization.create!(
  user: canary, o_auth_application: application, redirect_uri: redirect,
  scopes: %w[openid public:read public:modify private:read private:modify]
)

token = {
  "client_id"     => application.client_id,
  "client_secret" => application.client_secret,
  "refresh_token" => authorization.refresh_token
}
puts "podfleet: #{token.to_json}"
