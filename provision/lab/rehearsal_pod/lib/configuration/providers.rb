# Where settings come from. Each provider answers a path such as ["mail", "smtp", "host"].
# frozen_string_literal: true

require "toml-rb"
require "yaml"

module Configuration
  NotFound = Class.new(StandardError)

  # MAIL_SMTP_HOST; a comma makes the value a list.
  class Environment
    def initialize(variables = ENV)
      @variables = variables
    end

    def lookup(path)
      value = @variables.fetch(path.join("_").upcase) { raise NotFound }
      value.include?(",") ? value.split(",").map(&:strip) : value.dup
    end
  end

  # One tree of tables, below a namespace of its file.
  class Tree
    def initialize(tree, *namespace)
      @tree = namespace.empty? ? tree : tree.dig(*namespace)
    end

    def lookup(path)
      path.reduce(@tree) do |table, key|
        raise NotFound unless table.is_a?(Hash) && table.key?(key)

        table[key]
      end
    end
  end

  # The order that diaspora* documents; the first that knows the path wins.
  def self.providers(config, environment)
    toml = File.join(config, "diaspora.toml")
    tables = File.file?(toml) ? TomlRB.load_file(toml) : {}
    defaults = YAML.safe_load_file(File.join(config, "defaults.yml"))
    [Environment.new, Tree.new(tables, environment), Tree.new(tables, "configuration"),
     Tree.new(defaults, environment), Tree.new(defaults, "defaults")]
  end
end
