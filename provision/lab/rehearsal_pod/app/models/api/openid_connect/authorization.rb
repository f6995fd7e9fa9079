# What a user allowed an application. Its refresh token stays the same for ever.
module Api
  module OpenidConnect
    class Authorization < ApplicationRecord
      SCOPES = %w[contacts:modify contacts:read conversations email interactions name nickname notifications openid
                  picture private:modify private:read profile profile:modify profile:read_private public:modify
                  public:read sub tags:modify tags:read].freeze

      self.table_name = "authorizations"

      belongs_to :user
      belongs_to :o_auth_application
      has_many :o_auth_access_tokens, dependent: :destroy

      serialize :scopes, coder: JSON

      validates :user, :o_auth_application, :redirect_uri, presence: true
      validates :user_id, uniqueness: {scope: :o_auth_application_id}
      validate :scopes_supported

      before_validation(on: :create) { self.refresh_token ||= SecureRandom.hex(32) }

      def create_code
        SecureRandom.hex(32).tap {|code| update!(code: code, code_used: false) }
      end

      def create_access_token = o_auth_access_tokens.create!.bearer_token

      def scopes?(wanted) = (wanted - scopes).empty?

      # An authorization's code works once.
      def self.use_code(application, code)
        found = find_by(o_auth_application: application, code: code, code_used: false) if code.present?
        found&.tap {|authorization| authorization.update!(code_used: true) }
      end

      private

      def scopes_supported
        unknown = Array(scopes) - SCOPES
        errors.add(:scopes, "are not supported: #{unknown.join(' ')}") if unknown.any?
        errors.add(:scopes, "must name openid") unless Array(scopes).include?("openid")
      end
    end
  end
end
