# What browsers are told to refuse. Enforced unless settings.csp.report_only.
# frozen_string_literal: true

Rails.application.configure do
  config.action_dispatch.default_headers = {
    "X-Frame-Options"        => "sameorigin",
    "X-XSS-Protection"       => "1; mode=block",
    "X-Content-Type-Options" => "nosniff",
    "Referrer-Policy"        => "strict-origin-when-cross-origin"
  }
  config.content_security_policy do |policy|
    policy.default_src :none
    policy.base_uri :self
    policy.connect_src :self
    policy.font_src :self
    policy.form_action :self
    policy.frame_ancestors :self
    policy.img_src :self, :data, "*"
    policy.media_src :https
    policy.script_src :self
    policy.style_src :self
    policy.report_uri AppConfig.settings.csp.report_uri.get if AppConfig.settings.csp.report_uri?
  end
  config.content_security_policy_report_only = AppConfig.settings.csp.report_only?
end
