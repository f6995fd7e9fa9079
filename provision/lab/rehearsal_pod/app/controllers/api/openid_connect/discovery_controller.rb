# What applications must know to ask for tokens.
module Api
  module OpenidConnect
    class DiscoveryController < ApplicationController
      ENDPOINTS = {
        authorization_endpoint: "authorizations/new", jwks_uri: "jwks.json", token_endpoint: "access_tokens",
        userinfo_endpoint: "user_info", registration_endpoint: "clients"
      }.freeze

      def configuration
        render json: {
          issuer: AppConfig.pod_uri.to_s,
          **ENDPOINTS.transform_values {|path| AppConfig.url_to("/api/openid_connect/#{path}") },
          response_types_supported: ["id_token", "id_token token", "code"],
          subject_types_supported: %w[public pairwise], id_token_signing_alg_values_supported: %w[RS256],
          scopes_supported: Authorization::SCOPES, userinfo_signing_alg_values_supported: %w[none],
          request_object_signing_alg_values_supported: %w[none],
          token_endpoint_auth_methods_supported: %w[client_secret_basic client_secret_post private_key_jwt],
          claims_supported: %w[sub name nickname profile picture], claims_parameter_supported: true,
          request_parameter_supported: true, request_uri_parameter_supported: true
        }
      end

      def jwks = render(json: {keys: [IdTokenKey.public_jwk]})
    end
  end
end
