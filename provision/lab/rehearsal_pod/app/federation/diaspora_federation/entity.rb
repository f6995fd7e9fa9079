# Something that travels between pods: named values, as XML elements in a fixed order.
module DiasporaFederation
  class Entity
    InvalidRootNode = Class.new(Rejected)
    UnknownEntity = Class.new(Rejected)
    ValidationError = Class.new(Rejected)

    class << self
      attr_reader :fields, :required

      # Which elements an entity has, and which of them it must have.
      def carries(*fields, required: fields)
        @fields = fields
        @required = required
        attr_reader(*fields)
      end

      def entity_name = name.demodulize.underscore

      def parse(xml)
        root = Nokogiri::XML(xml, &:strict).root or raise InvalidRootNode, "empty"
        Entities.class_for(root.name).from_node(root)
      rescue Nokogiri::XML::SyntaxError => e
        raise InvalidRootNode, e.message
      end

      def from_node(node)
        values = fields.index_with {|field| node.at_xpath(field.to_s)&.text }
        new(**values).tap(&:validate!)
      end
    end

    def initialize(**values)
      values.each {|name, value| instance_variable_set(:"@#{name}", value) }
    end

    def to_xml
      Nokogiri::XML::Builder.new do |xml|
        xml.public_send(self.class.entity_name) do
          present_fields.each {|name, value| xml.public_send(:"#{name}_", written(value)) }
        end
      end.doc.root.to_xml
    end

    def validate!
      missing = self.class.required.select {|field| public_send(field).blank? }
      raise ValidationError, "#{self.class.name}: no #{missing.join(', ')}" if missing.any?
    end

    # How the log speaks of it.
    def to_s = "#{self.class.name.demodulize}:#{identity}"

    def identity = guid

    private

    def present_fields
      self.class.fields.index_with {|name| public_send(name) }.compact
    end

    def written(value) = value.respond_to?(:utc) ? value.utc.iso8601 : value.to_s
  end
end
