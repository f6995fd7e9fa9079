# How mail leaves: not at all, by SMTP, or through sendmail.
# frozen_string_literal: true

ActiveSupport.on_load(:action_mailer) do
  self.perform_deliveries = AppConfig.mail.enable?
  self.default_url_options = {host: AppConfig.pod_uri.host, protocol: AppConfig.pod_uri.scheme}
  self.raise_delivery_errors = true

  case AppConfig.mail.method.to_s
  when "sendmail"
    self.delivery_method = :sendmail
    arguments = AppConfig.mail.sendmail.exim_fix? ? %w[-i] : %w[-i -t]
    self.sendmail_settings = {location: AppConfig.mail.sendmail.location.get, arguments: arguments}
  when "smtp"
    smtp = AppConfig.mail.smtp
    self.delivery_method = :smtp
    self.smtp_settings = {
      address: smtp.host.get, port: smtp.port.to_i, domain: smtp.domain.get,
      enable_starttls_auto: smtp.starttls_auto?, openssl_verify_mode: smtp.openssl_verify_mode.get
    }.compact
    unless [nil, "none"].include?(smtp.authentication.get)
      smtp_settings.merge!(authentication: smtp.authentication.get.to_sym, user_name: smtp.username.get,
                           password: smtp.password.get)
    end
  end
end
