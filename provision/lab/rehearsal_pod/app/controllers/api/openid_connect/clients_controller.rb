# Applications register themselves.
module Api
  module OpenidConnect
    class ClientsController < ApplicationController
      skip_forgery_protection

      def create
        application = OAuthApplication.new(params.permit(:client_name, :application_type, redirect_uris: []))
        return render(json: invalid(application), status: :bad_request) unless application.save

        render json: application.as_json.merge(client_secret_expires_at: 0)
      end

      private

      def invalid(application)
        {error: "invalid_client_metadata", error_description: application.errors.full_messages.join(", ")}
      end
    end
  end
end
