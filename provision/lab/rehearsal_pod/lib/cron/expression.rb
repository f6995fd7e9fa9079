# When a cron line of five fields is due: numbers, *, */n, lists and ranges.
# frozen_string_literal: true

module Cron
  class Expression
    RANGES = [0..59, 0..23, 1..31, 1..12, 0..6].freeze

    def initialize(text)
      fields = text.split
      raise ArgumentError, "not five fields: #{text}" unless fields.size == RANGES.size

      @minutes, @hours, @days, @months, @weekdays = fields.zip(RANGES).map {|field, range| values(field, range) }
    end

    def due?(time)
      @minutes.include?(time.min) && @hours.include?(time.hour) && @days.include?(time.day) &&
        @months.include?(time.month) && @weekdays.include?(time.wday)
    end

    private

    def values(field, range)
      field.split(",").flat_map do |part|
        span, step = part.split("/")
        bounds = span == "*" ? range : Range.new(*span.split("-").values_at(0, -1).map {|value| Integer(value, 10) })
        bounds.step(Integer(step || 1)).to_a
      end
    end
  end
end
