# A magic envelope that only one person can open: AES-256-CBC, its key under the recipient's RSA key.
module DiasporaFederation
  module Salmon
    module EncryptedMagicEnvelope
      CIPHER = "AES-256-CBC"

      def self.encrypt(envelope_xml, public_key)
        cipher = OpenSSL::Cipher.new(CIPHER).encrypt
        secret = {key: Base64.strict_encode64(cipher.random_key), iv: Base64.strict_encode64(cipher.random_iv)}
        {
          aes_key:                  Base64.strict_encode64(public_key.public_encrypt(secret.to_json)),
          encrypted_magic_envelope: Base64.strict_encode64(cipher.update(envelope_xml) + cipher.final)
        }.to_json
      end

      def self.decrypt(json, private_key)
        message = JSON.parse(json)
        secret = JSON.parse(private_key.private_decrypt(Base64.decode64(message.fetch("aes_key"))))
        cipher = OpenSSL::Cipher.new(CIPHER).decrypt
        cipher.key = Base64.decode64(secret.fetch("key"))
        cipher.iv = Base64.decode64(secret.fetch("iv"))
        cipher.update(Base64.decode64(message.fetch("encrypted_magic_envelope"))) + cipher.final
      rescue JSON::ParserError, KeyError, OpenSSL::OpenSSLError => e
        raise InvalidEnvelope, "cannot be decrypted: #{e.class}"
      end
    end
  end
end
