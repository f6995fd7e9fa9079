# An application that was registered with this pod.
module Api
  module OpenidConnect
    class OAuthApplication < ApplicationRecord
      self.table_name = "o_auth_applications"

      belongs_to :user
      has_many :authorizations, dependent: :destroy

      %i[redirect_uris response_types grant_types contacts jwks].each {|list| serialize list, coder: JSON }

      validates :client_id, presence: true, uniqueness: true
      validates :client_secret, :client_name, :redirect_uris, presence: true

      before_validation(on: :create) do
        self.client_id = SecureRandom.hex(16)
        self.client_secret = SecureRandom.hex(32)
        self.token_endpoint_auth_method ||= "client_secret_post"
      end

      def secret?(given) = ActiveSupport::SecurityUtils.secure_compare(client_secret, given.to_s)
    end
  end
end
