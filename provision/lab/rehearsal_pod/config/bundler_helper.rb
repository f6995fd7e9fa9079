# What Bundler must be told: the environment and the database adapter, read without Rails.
# frozen_string_literal: true

require "etc"
require "yaml"

module BundlerHelper
  ADAPTERS = {"postgresql" => "postgresql"}.freeze
  # Read by a regular expression, as diaspora* does: no comment may follow on that line.
  RAILS_ENVIRONMENT = /^\s*rails_environment\s*=\s*["']?([^"']+?)["']?\s*$/

  def self.rails_env
    ENV.fetch("RAILS_ENV") { configured_environment || "development" }
  end

  # The adapter must be literal: the file is read without ERB.
  def self.database
    path = File.expand_path("database.yml", __dir__)
    abort "#{path} does not exist. Copy it from database.yml.example first." unless File.file?(path)
    adapter = YAML.safe_load_file(path, aliases: true).dig(rails_env, "adapter")
    ADAPTERS.fetch(adapter) { abort "#{path}: adapter #{adapter.inspect} is not supported." }
  end

  def self.configured_environment
    path = File.expand_path("diaspora.toml", __dir__)
    return unless File.file?(path)

    File.readlines(path).filter_map {|line| line[RAILS_ENVIRONMENT, 1] }.first
  end
end
