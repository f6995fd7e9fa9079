# Rails' settings in production.
# frozen_string_literal: true

Rails.application.configure do
  config.enable_reloading = false
  config.eager_load = true
  config.consider_all_requests_local = false
  config.action_controller.perform_caching = true
  config.public_file_server.enabled = AppConfig.environment.assets.serve?
  config.force_ssl = AppConfig.environment.require_ssl?
  config.ssl_options = {hsts: {expires: 31_536_000, subdomains: false}}
  config.log_level = :info
  config.active_support.report_deprecations = false
  config.i18n.fallbacks = true
end
