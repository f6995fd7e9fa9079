# What sidekiq loads in place of Rails (its option -r). Made by podfleet; edits are undone.
#
# It loads Rails as sidekiq itself would, lets go of the database, and waits for the latch: so a
# release's sidekiq is ready within a moment, and takes no job before it may.
# frozen_string_literal: true

require "rails"
require "sidekiq/rails"
require File.expand_path("config/environment.rb")
require "socket"

module Podfleet
  # The file that the environment names: there once this release's sidekiq may take jobs.
  class Latch
    PAUSE_SECONDS = 0.05
    # systemd would take a sidekiq that waits for one that does not start.
    TELL_EVERY_SECONDS = 10
    GRACE_MICROSECONDS = 60_000_000

    def initialize(path)
      @path = path
    end

    def wait
      return if lifted?

      let_go
      until lifted?
        tell("STATUS=waits at its latch\nEXTEND_TIMEOUT_USEC=#{GRACE_MICROSECONDS}")
        pause
      end
      tell("STATUS=begins to take jobs\nEXTEND_TIMEOUT_USEC=#{GRACE_MICROSECONDS}")
    end

    private

    def lifted?
      File.exist?(@path)
    end

    # Rails connects while it boots, and what it read of the tables may change meanwhile: nobody
    # shall have to end these connections.
    def let_go
      ActiveRecord::Base.connection_handler.clear_all_connections! if defined?(ActiveRecord::Base)
    end

    def pause
      (TELL_EVERY_SECONDS / PAUSE_SECONDS).to_i.times do
        return if lifted?

        sleep PAUSE_SECONDS
      end
    end

    def tell(state)
      return unless ENV["NOTIFY_SOCKET"]

      path = ENV["NOTIFY_SOCKET"].sub(/\A@/, "\0")
      Addrinfo.unix(path, :DGRAM).connect {|socket| socket.write(state) }
    end
  end
end

Podfleet::Latch.new(ENV.fetch("PODFLEET_LATCH")).wait
