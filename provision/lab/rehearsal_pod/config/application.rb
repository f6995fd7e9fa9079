# The Rails application: which frameworks, and how they are set up from AppConfig.
# frozen_string_literal: true

require_relative "load_config"

require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "action_view/railtie"
require "action_mailer/railtie"

Bundler.require(:default, Rails.env, :postgresql)

require_relative "../lib/pod_log"
require_relative "../lib/asset_manifest"

module RehearsalPod
  class Application < Rails::Application
    config.load_defaults 7.2
    config.autoload_lib(ignore: %w[tasks configuration vendor_gems.rb])
    config.eager_load_paths << Rails.root.join("app/federation")

    config.encoding = "utf-8"
    config.filter_parameters += %i[password token secret aes_key encrypted_magic_envelope xml]
    config.session_store :cookie_store, key: "_diaspora_session", same_site: :lax,
                                        secure: AppConfig.environment.require_ssl?
    config.active_record.schema_format = :ruby
    config.active_record.dump_schema_after_migration = false
    config.active_record.belongs_to_required_by_default = false
    config.action_controller.per_form_csrf_tokens = false
    config.action_dispatch.rescue_responses["ActiveRecord::RecordNotFound"] = :not_found
    config.hosts.clear
    config.logger = PodLog.application_logger(Rails.root, Rails.env)
  end
end
