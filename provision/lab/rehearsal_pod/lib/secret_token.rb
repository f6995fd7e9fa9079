# Owns config/initializers/secret_token.rb: whoever loses it signs every user out.
# frozen_string_literal: true

require "securerandom"

class SecretToken
  def initialize(root)
    @path = root.join("config/initializers/secret_token.rb")
  end

  def create_if_missing = @path.exist? || create

  def create
    File.write(@path, <<~RUBY, perm: 0o600)
      # The secret that sessions are signed with. Keep it secret, and keep it.
      Rails.application.config.secret_key_base = "#{SecureRandom.hex(40)}"
    RUBY
  end
end
