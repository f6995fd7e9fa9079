# A signed-in user allows an application to act for them.
module Api
  module OpenidConnect
    class AuthorizationsController < ApplicationController
      before_action :authenticate_user!, :find_application

      def new; end

      def create
        return redirect_back_to(error: "access_denied") unless params[:approve] == "true"

        authorization = Authorization.find_or_initialize_by(user: current_user, o_auth_application: @application)
        authorization.update!(redirect_uri: params[:redirect_uri], scopes: params[:scope].to_s.split)
        redirect_back_to(code: authorization.create_code)
      end

      private

      def find_application
        @application = OAuthApplication.find_by(client_id: params[:client_id].to_s)
        known = @application&.redirect_uris&.include?(params[:redirect_uri])
        render(plain: "Unknown application or redirect_uri", status: :bad_request) unless known
      end

      def redirect_back_to(**answer)
        uri = URI.parse(params[:redirect_uri])
        answer = answer.merge(state: params[:state]).compact
        uri.query = URI.encode_www_form(URI.decode_www_form(uri.query.to_s) + answer.to_a)
        redirect_to uri.to_s, allow_other_host: true
      end
    end
  end
end
