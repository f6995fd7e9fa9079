# Passwords, and the traces that signing in leaves on an account.
module Authenticates
  extend ActiveSupport::Concern

  included do
    attr_reader :password
    attr_accessor :password_confirmation

    validates :password, length: {in: 6..128}, confirmation: true, if: -> { new_record? || password }
  end

  def password=(password)
    @password = password
    self.encrypted_password = BCrypt::Password.create(password).to_s if password.present?
  end

  def valid_password?(password)
    return false if encrypted_password.blank? || locked_at

    BCrypt::Password.new(encrypted_password) == password
  end

  def remember_sign_in(address)
    now = Time.now.utc
    update_columns(sign_in_count: sign_in_count + 1, last_sign_in_at: current_sign_in_at || now,
                   last_sign_in_ip: current_sign_in_ip || address, current_sign_in_at: now,
                   current_sign_in_ip: address, last_seen: now)
  end
end
