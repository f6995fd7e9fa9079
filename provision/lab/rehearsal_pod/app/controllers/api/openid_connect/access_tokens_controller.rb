# Gives bearer tokens for a code or a refresh token.
module Api
  module OpenidConnect
    class AccessTokensController < ApplicationController
      skip_forgery_protection

      def create
        response.set_header("Cache-Control", "no-store")
        return refuse("invalid_client", :unauthorized) unless application

        case params[:grant_type]
        when "refresh_token" then answer(application.authorizations.find_by(refresh_token: params[:refresh_token].to_s))
        when "authorization_code" then answer(Authorization.use_code(application, params[:code]), with_refresh: true)
        else refuse("unsupported_grant_type")
        end
      end

      private

      def application
        @application ||= begin
          id, secret = basic_credentials || [params[:client_id], params[:client_secret]]
          found = OAuthApplication.find_by(client_id: id.to_s)
          found if found&.secret?(secret)
        end
      end

      def basic_credentials
        return unless request.authorization.to_s.start_with?("Basic ")

        ActionController::HttpAuthentication::Basic.user_name_and_password(request)
      end

      def answer(authorization, with_refresh: false)
        return refuse("invalid_grant") unless authorization

        token = authorization.create_access_token.as_json
        token[:refresh_token] = authorization.refresh_token if with_refresh
        render body: token.to_json
        response.set_header("Content-Type", "application/json")
      end

      def refuse(error, status=:bad_request) = render(json: {error: error}, status: status)
    end
  end
end
