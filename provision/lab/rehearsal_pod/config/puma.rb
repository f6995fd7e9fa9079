# How puma serves the pod: single mode, preloaded, no control app.
# frozen_string_literal: true

require_relative "load_config"

pidfile AppConfig.server.pid.get
bind AppConfig.server.listen.get
worker_timeout AppConfig.server.web_timeout.to_i

if AppConfig.server.stdout_log? || AppConfig.server.stderr_log?
  stdout_redirect AppConfig.server.stdout_log.get || File::NULL, AppConfig.server.stderr_log.get || File::NULL
end

workers 0
preload_app!
