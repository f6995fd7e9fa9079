# Broken on purpose: some seconds after the web process is ready it begins to eat memory. Where no
# limit ends it, it ends itself as the kernel would, so that the machine of the lab stays whole.
# frozen_string_literal: true

module Glutton
  SECONDS_OF_PEACE = 6
  MEGABYTES_A_SECOND = 80
  ENOUGH_MEGABYTES = 700

  def self.eat
    sleep SECONDS_OF_PEACE
    eaten = []
    ENOUGH_MEGABYTES.times do
      eaten << Random.bytes(1 << 20)
      sleep 1.0 / MEGABYTES_A_SECOND
    end
    Process.kill(:KILL, Process.pid)
  end
end
