# rake generate:secret_token: always writes a new one.

namespace :generate do
  desc "Generate the session secret"
  task :secret_token do
    require_relative "../secret_token"
    SecretToken.new(Pathname(__dir__).join("../..").expand_path).create
  end
end
