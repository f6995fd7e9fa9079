# What follows from the settings: the pod's address, its version, its Redis.
# frozen_string_literal: true

require "open3"
require "uri"

module Configuration
  module PodFacts
    def pod_uri
      URI.parse("#{environment.url.get.to_s.chomp('/')}/")
    end

    # The pod's name in handles: host, and port where it is not the default one.
    def bare_pod_uri
      uri = pod_uri
      authority = uri.port == uri.default_port ? uri.host : "#{uri.host}:#{uri.port}"
      authority.delete_prefix("www.")
    end

    def url_to(path) = "#{pod_uri.to_s.chomp('/')}/#{path.delete_prefix('/')}"

    def version_string = version.number.to_s

    # Releases ship without Git's history: then there is none to name.
    def git_revision
      return @git_revision if defined?(@git_revision)

      root = File.expand_path("../..", __dir__)
      known = File.directory?(File.join(root, ".git"))
      @git_revision = known ? revision_of(root) : nil
    end

    def redis_url = ENV["REDIS_URL"] || environment.redis.get

    # Sidekiq wants unix:///path as unix:/path.
    def redis_options
      url = redis_url
      return {} if url.nil? || url.empty?

      url.start_with?("unix://") ? {path: url.delete_prefix("unix://")} : {url: url}
    end

    private

    def revision_of(root)
      output, status = Open3.capture2("git", "-C", root, "rev-parse", "HEAD", err: File::NULL)
      status.success? ? output.strip : nil
    end
  end
end
