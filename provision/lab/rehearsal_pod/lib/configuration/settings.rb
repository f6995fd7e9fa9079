# AppConfig: settings read by walking their path, as AppConfig.mail.smtp.host does.
# frozen_string_literal: true

require_relative "providers"
require_relative "pod_facts"

module Configuration
  # Asks the providers in turn and gives words like "true" and "" their meaning.
  class LookupChain
    MEANINGS = {"true" => true, "false" => false, "nil" => nil, "" => nil}.freeze

    def initialize(providers)
      @providers = providers
    end

    def lookup(path)
      @providers.each do |provider|
        return meaning(provider.lookup(path))
      rescue NotFound
        next
      end
      nil
    end

    private

    def meaning(value)
      return value unless value.is_a?(String)

      MEANINGS.fetch(value.strip, value)
    end
  end

  # A setting that is not yet at its end. `get` reads it, a question mark asks whether it is set,
  # and any method its value has is the value's.
  class Setting
    undef_method :method # There is a setting of that name.

    def initialize(chain, path)
      @chain = chain
      @path = path
    end

    def get = @chain.lookup(@path)

    def to_s = get.to_s
    def to_i = get.to_i
    def to_str = get.to_s
    def nil? = get.nil?
    def ==(other) = get == other

    def method_missing(name, ...)
      value = get
      return value.public_send(name, ...) if !value.is_a?(Hash) && !value.nil? && value.respond_to?(name)
      return below(name.to_s.chomp("?")).get ? true : false if name.end_with?("?")

      below(name.to_s)
    end

    def respond_to_missing?(name, include_private = false)
      value = get
      value.respond_to?(name, include_private) || !name.start_with?("to_")
    end

    private

    def below(name) = Setting.new(@chain, [*@path, name])
  end

  # The root of all settings, and what follows from them.
  class Settings
    include PodFacts

    def initialize(providers)
      @chain = LookupChain.new(providers)
    end

    def method_missing(name)
      setting = Setting.new(@chain, [name.to_s.chomp("?")])
      name.end_with?("?") ? setting.get : setting
    end

    def respond_to_missing?(_name, _include_private = false) = true

    def [](path) = @chain.lookup(path.split("."))
  end
end
