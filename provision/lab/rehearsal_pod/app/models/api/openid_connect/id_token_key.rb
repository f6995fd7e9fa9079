# config/oidc_key.pem: signs what the pod says to applications; made when this file is loaded.
module Api
  module OpenidConnect
    module IdTokenKey
      BITS = 4096
      PATH = Rails.root.join("config/oidc_key.pem")

      def self.load_or_create
        return OpenSSL::PKey::RSA.new(PATH.read) if PATH.file?

        OpenSSL::PKey::RSA.generate(BITS).tap {|key| File.write(PATH, key.export, perm: 0o600) }
      end

      KEY = load_or_create

      def self.public_jwk
        {kty: "RSA", use: "sig", alg: "RS256", n: number(KEY.n), e: number(KEY.e)}
      end

      def self.number(value) = Base64.urlsafe_encode64(value.to_s(2), padding: false)
      private_class_method :number
    end
  end
end
