# Boots a release's Rails once, then migrates each database that it is told to in a fork: a tenth
# of a second and the migration itself, where rake would boot for seconds. For Rails 6.1 to 7.2.
#
# `ruby migrator.rb SOCKET RELEASE`, in the release's directory. One JSON line asks, one answers:
#
#   {"verb": "status"} -> {"release", "script", "peak_kb"}
#   {"verb": "migrate", "database", "timeout_seconds", "application", "lock_timeout_ms",
#    "is_rehearsal"} -> {"ran": [{"version", "name", "seconds"}], "peak_kb", and one of
#                        "end": "done" | "failed" (with "words") | "too long"}
#
# frozen_string_literal: true

# Bundler first: nothing that the release has a version of its own of may be loaded before it.
require File.expand_path("config/boot")
require File.expand_path("config/application")
require "json"
require "socket"

# What a fork does: one database, from the connection to the last migration.
class PodfleetMigration
  # Tells of each migration that ran, also of those before one that fails.
  module Timed
    class << self
      attr_accessor :told
    end

    def migrate(direction)
      began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      super
      seconds = Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
      Timed.told&.call("version" => version.to_s, "name" => name, "seconds" => seconds.round(3))
    end
  end

  # A rehearsal on a copy must not put jobs into the queues that the live pod works off.
  module Unsent
    def push(_item) = nil

    def push_bulk(_items) = []
  end

  def initialize(request, sink)
    @request = request
    @sink = sink
  end

  def run
    Timed.told = ->(ran) { tell("ran" => ran) }
    Sidekiq::Client.prepend(Unsent) if @request["is_rehearsal"] && defined?(Sidekiq::Client)
    connect
    ActiveRecord::Tasks::DatabaseTasks.migrate
    tell("end" => "done", "peak_kb" => PodfleetMigrator.peak_kb)
  rescue Exception => error # a file that is no Ruby, too
    words = error.message.to_s
    words = "#{error.class}: #{words}" unless words.include?(":")
    tell("end" => "failed", "words" => words[0, 4000], "peak_kb" => PodfleetMigrator.peak_kb)
  end

  private

  def tell(line)
    @sink.puts(JSON.generate(line))
    @sink.flush
  end

  # The pod's own way to its database, to another database of the same server.
  def connect
    own = ActiveRecord::Base.configurations.find_db_config(Rails.env).configuration_hash
    variables = (own[:variables] || {}).to_h.transform_keys(&:to_s).merge(session)
    ActiveRecord::Base.establish_connection(
      own.merge(database: @request["database"], variables: variables)
    )
  end

  def session
    # A statement of ours ends with us: it must not go on in a database that is given up.
    set = {"application_name" => @request["application"], "client_connection_check_interval" => 1000}
    set["lock_timeout"] = @request["lock_timeout_ms"] if @request["lock_timeout_ms"]
    set
  end
end

# The process that waits, and forks.
class PodfleetMigrator
  IDLE_SECONDS = 6 * 3600

  def self.peak_kb
    File.read("/proc/self/status")[/^VmHWM:\s+(\d+)/, 1].to_i
  end

  def initialize(socket, release)
    @socket = socket
    @release = release
  end

  # As rake does: only what a migration needs is loaded, and only when it needs it, so that no
  # table is looked at before it has its columns.
  def boot
    ActiveSupport.on_load(:before_initialize) { config.eager_load = false }
    require File.expand_path("config/environment")
    require "active_record/connection_adapters/postgresql_adapter"
    ActiveRecord::Migrator.migrations_paths = ActiveRecord::Tasks::DatabaseTasks.migrations_paths
    ActiveRecord::Migration.prepend(PodfleetMigration::Timed)
    ActiveRecord::Base.connection_handler.clear_all_connections!
    Process.respond_to?(:warmup) ? Process.warmup : GC.start
  end

  def serve
    File.unlink(@socket) if File.exist?(@socket)
    UNIXServer.open(@socket) do |server|
      while server.wait_readable(IDLE_SECONDS)
        client = server.accept
        begin
          answer(client)
        rescue SystemCallError, IOError, JSON::ParserError => error
          warn "#{error.class}: #{error.message}"
        ensure
          client.close
        end
      end
    end
  end

  private

  def answer(client)
    line = client.gets or return
    request = JSON.parse(line)
    said = request["verb"] == "migrate" ? migrate(request, client) : status
    client.puts(JSON.generate(said)) if said
  end

  def status
    {"release" => @release, "script" => File.expand_path(__FILE__), "peak_kb" => self.class.peak_kb}
  end

  def migrate(request, client)
    reader, writer = IO.pipe
    child = fork do
      reader.close
      PodfleetMigration.new(request, writer).run
      # Nothing that Rails or the tests of a gem do at exit is meant for a fork.
      exit!(0)
    end
    writer.close
    await(reader, client, Float(request["timeout_seconds"]))
  ensure
    reader.close
    end_child(child)
  end

  # What the fork told until its end, or until whoever asked is gone: then nil.
  def await(reader, client, seconds)
    deadline = now + seconds
    told = +""
    while (left = deadline - now).positive?
      ready, = IO.select([reader, client], nil, nil, left)
      next unless ready
      return nil if ready.include?(client) && client.read_nonblock(1, exception: false).nil?
      next unless ready.include?(reader)
      chunk = reader.read_nonblock(65_536, exception: false)
      return summary(told, "failed") if chunk.nil?
      told << chunk unless chunk == :wait_readable
    end
    summary(told, "too long")
  end

  def summary(told, otherwise)
    lines = told.lines.select { |line| line.end_with?("\n") }.map { |line| JSON.parse(line) }
    last = lines.find { |line| line["end"] } || {"end" => otherwise, "words" => "it was killed"}
    last.merge("ran" => lines.filter_map { |line| line["ran"] })
  end

  def end_child(child)
    return unless child
    Process.kill(:KILL, child)
    Process.wait(child)
  rescue Errno::ESRCH, Errno::ECHILD
    nil
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

$stdout.sync = true
migrator = PodfleetMigrator.new(*ARGV)
migrator.boot
migrator.serve
