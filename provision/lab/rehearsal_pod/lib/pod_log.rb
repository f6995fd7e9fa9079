# The application log, in the form that diaspora* writes:
# [2026-11-22T08:53:10] INFO  PID-2019 TID-50600 Some::Class: what happened
# frozen_string_literal: true

require "logger"

module PodLog
  FORMATTER = lambda do |severity, time, source, message|
    format("[%s] %-5s PID-%d TID-%d %s: %s\n", time.strftime("%Y-%m-%dT%H:%M:%S"), severity,
           Process.pid, Thread.current.object_id, source || "Rails", message)
  end

  def self.application_logger(root, environment)
    FileUtils.mkdir_p(root.join("log"))
    rotation = AppConfig.environment.logging.logrotate
    path = root.join("log", "#{environment}.log").to_s
    logger = rotation.enable? ? Logger.new(path, "daily", shift_period_suffix: "%Y%m%d") : Logger.new(path)
    logger.tap {|log| log.formatter = FORMATTER }
  end

  # Classes that include it log under their own name.
  module Speaker
    def logger = @logger ||= Named.new(is_a?(Module) ? name : self.class.name)
  end

  class Named
    def initialize(source)
      @source = source
    end

    %i[debug info warn error].each do |level|
      define_method(level) do |message|
        Rails.logger.add(Logger.const_get(level.upcase), message, @source)
      end
    end
  end
end
