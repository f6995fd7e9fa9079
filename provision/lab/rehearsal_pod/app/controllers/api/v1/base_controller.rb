# Who asks the API, and what their token allows them.
module Api
  module V1
    class BaseController < ApplicationController
      skip_forgery_protection
      before_action :require_token

      def self.needs(*scopes, only:)
        before_action(only: only) { require_scopes(scopes) }
      end

      private

      def require_token
        bearer = request.headers["Authorization"].to_s[/\ABearer (.+)\z/, 1] || params[:access_token]
        token = OpenidConnect::OAuthAccessToken.live.find_by(token: bearer) if bearer.present?
        @authorization = token&.authorization
        refuse(403, "Unauthorized user") unless @authorization && current_user.locked_at.nil?
      end

      def require_scopes(scopes)
        refuse(403, "insufficient_scope") unless performed? || @authorization.scopes?(scopes)
      end

      def current_user = @authorization&.user

      def refuse(code, message) = render(json: {code: code, message: message}, status: code)
    end
  end
end
