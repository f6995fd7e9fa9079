# A bearer token: lives for a day.
module Api
  module OpenidConnect
    class OAuthAccessToken < ApplicationRecord
      LIFETIME = 24.hours
      # What its bearer is told; read like the token class of Rack::OAuth2.
      Bearer = Struct.new(:access_token, :expires_in, keyword_init: true) do
        def token_type = :bearer
        def to_s = access_token
        def as_json(*) = {access_token: access_token, token_type: token_type, expires_in: expires_in}
      end

      self.table_name = "o_auth_access_tokens"

      belongs_to :authorization

      before_validation(on: :create) do
        self.token = SecureRandom.hex(32)
        self.expires_at = LIFETIME.from_now
      end

      scope :live, -> { where("expires_at >= ?", Time.now.utc) }

      def bearer_token
        Bearer.new(access_token: token, expires_in: (expires_at - Time.now.utc).to_i)
      end
    end
  end
end
