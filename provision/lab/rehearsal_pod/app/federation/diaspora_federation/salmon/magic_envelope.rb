# A signed message: its data, how it is encoded, and its author's RSA-SHA256 signature over both.
module DiasporaFederation
  module Salmon
    InvalidEnvelope = Class.new(Rejected)
    InvalidSignature = Class.new(Rejected)
    InvalidAlgorithm = Class.new(Rejected)
    SenderKeyNotFound = Class.new(Rejected)

    class MagicEnvelope
      NAMESPACE = "http://salmon-protocol.org/ns/magic-env"
      TYPE = "application/xml"
      ENCODING = "base64url"
      ALGORITHM = "RSA-SHA256"

      attr_reader :sender, :payload

      def initialize(payload, sender)
        @payload = payload
        @sender = sender
      end

      # The envelope as XML, signed with the sender's key.
      def envelop(key)
        data = Base64.urlsafe_encode64(payload)
        signature = key.sign(OpenSSL::Digest.new("SHA256"), self.class.subject(data))
        Nokogiri::XML::Builder.new(encoding: "UTF-8") do |xml|
          xml["me"].env("xmlns:me" => NAMESPACE) { parts(xml, data, signature) }
        end.to_xml
      end

      # Opens an envelope. The block gives the public key of the handle that claims to have signed.
      def self.unenvelop(text)
        root = parse(text)
        data = text_of(root, "data")
        sender = decode(root.at_xpath("me:sig/@key_id", me: NAMESPACE)&.value)
        verify(root, data, yield(sender))
        new(decode(data), sender)
      end

      def self.subject(data)
        [data, *[TYPE, ENCODING, ALGORITHM].map {|part| Base64.urlsafe_encode64(part) }].join(".")
      end

      def self.parse(text)
        root = Nokogiri::XML(text, &:strict).root
        return root if root&.name == "env" && root.namespace&.href == NAMESPACE

        raise InvalidEnvelope, "no magic envelope"
      rescue Nokogiri::XML::SyntaxError => e
        raise InvalidEnvelope, e.message
      end

      def self.verify(root, data, key)
        raise InvalidAlgorithm, "not #{ALGORITHM}" unless text_of(root, "alg") == ALGORITHM
        raise InvalidAlgorithm, "not #{ENCODING}" unless text_of(root, "encoding") == ENCODING

        signature = decode(text_of(root, "sig"))
        valid = key.verify(OpenSSL::Digest.new("SHA256"), signature, subject(data))
        raise InvalidSignature, "signature does not fit" unless valid
      end

      def self.text_of(root, name)
        root.at_xpath("me:#{name}", me: NAMESPACE)&.text&.strip.presence || raise(InvalidEnvelope, "no #{name}")
      end

      def self.decode(text)
        Base64.urlsafe_decode64(text.to_s).force_encoding(Encoding::UTF_8)
      rescue ArgumentError
        raise InvalidEnvelope, "not base64url"
      end

      private_class_method :parse, :verify, :text_of, :decode

      private

      def parts(xml, data, signature)
        xml["me"].data(data, type: TYPE)
        xml["me"].encoding(ENCODING)
        xml["me"].alg(ALGORITHM)
        xml["me"].sig(Base64.urlsafe_encode64(signature), key_id: Base64.urlsafe_encode64(sender))
      end
    end
  end
end
