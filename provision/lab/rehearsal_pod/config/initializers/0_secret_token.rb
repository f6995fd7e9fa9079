# The session secret: made when missing, as diaspora* does.
# frozen_string_literal: true

require_relative "../../lib/secret_token"

SecretToken.new(Rails.root).create_if_missing
load Rails.root.join("config/initializers/secret_token.rb")
