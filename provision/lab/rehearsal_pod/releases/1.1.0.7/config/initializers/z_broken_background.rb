# Broken on purpose: sidekiq does not start; the web process does.
# frozen_string_literal: true

Sidekiq.configure_server { raise "this release starts no background work" }
