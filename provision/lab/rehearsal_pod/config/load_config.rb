# Makes AppConfig from environment variables, config/diaspora.toml and config/defaults.yml.
# frozen_string_literal: true

require_relative "boot"
require_relative "../lib/configuration/settings"

environment = ENV.fetch("RACK_ENV", ENV.fetch("RAILS_ENV", "development"))
AppConfig ||= Configuration::Settings.new(Configuration.providers(__dir__, ENV.fetch("RAILS_ENV", environment)))

def refuse_to_boot(what)
  warn "FATAL: #{what}"
  exit! 1
end

refuse_to_boot "environment.url is not set. Set it in config/diaspora.toml." unless AppConfig.environment.url?

if ENV["RAILS_ENV"] == "production"
  authorities = AppConfig.environment.certificate_authorities.to_s
  unless File.file?(authorities)
    refuse_to_boot "environment.certificate_authorities is no file: #{authorities.inspect}. " \
                   "Name the bundle of certificate authorities in config/diaspora.toml."
  end
end
