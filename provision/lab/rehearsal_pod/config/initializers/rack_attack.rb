# Limits for those who guess passwords.
# frozen_string_literal: true

Rack::Attack.cache.store = ActiveSupport::Cache::MemoryStore.new

Rack::Attack.throttle("sign in", limit: 20, period: 300) do |request|
  request.ip if request.post? && request.path == "/users/sign_in"
end
