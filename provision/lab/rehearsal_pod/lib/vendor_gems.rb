# `bin/bundle install`: resolves the Gemfile among Debian's packaged gems and copies what it
# resolved into vendor/bundle, laid out as RubyGems would have.
# frozen_string_literal: true

require "bundler"
require "fileutils"
require "open3"
require "tmpdir"

class VendorGems
  # Where Debian keeps what belongs on a gem's load path but is not in the gem's own directory.
  ELSEWHERE = [%r{\A/usr/lib/(?:[^/]+/)?ruby/vendor_ruby/(?:\d+\.\d+\.\d+/)?},
               %r{\A/usr/lib/[^/]+/rubygems-integration/[^/]+/extensions/[^/]+/[^/]+/[^/]+/}].freeze
  SKIPPED = %w[test spec doc docs guides examples].freeze

  def initialize(root)
    @root = root
    @gem_home = File.join(root, "vendor/bundle/ruby", RbConfig::CONFIG["ruby_version"])
  end

  def install
    specs = resolve
    missing = specs.reject {|spec| spec.is_a?(Gem::Specification) || spec.respond_to?(:full_gem_path) }
    abort "Debian does not package: #{missing.map(&:name).join(', ')}" unless missing.empty?

    FileUtils.rm_rf(@gem_home)
    %w[gems specifications bin].each {|name| FileUtils.mkdir_p(File.join(@gem_home, name)) }
    specs.reject {|spec| kept_by_ruby?(spec) }.each {|spec| vendor(spec) }
    puts "Bundle complete! #{specs.size} gems now installed in ./vendor/bundle"
  end

  private

  # Resolved with settings of its own: `path` and `frozen` would hide Debian's gems.
  def resolve
    Dir.mktmpdir do |settings|
      ENV["BUNDLE_APP_CONFIG"] = settings
      ENV["BUNDLE_WITH"] = "postgresql"
      Bundler.reset_settings_and_root!
      Bundler.ui = Bundler::UI::Shell.new
      definition = Bundler::Definition.build(File.join(@root, "Gemfile"), lockfile, nil)
      definition.resolve_with_cache!
      definition.lock
      definition.specs.to_a
    end
  end

  def lockfile = Pathname(@root).join("Gemfile.lock")

  # Default gems belong to the interpreter; Bundler finds them wherever that runs.
  def kept_by_ruby?(spec) = spec.default_gem? || spec.name == "bundler"

  def vendor(spec)
    puts "Using #{spec.name} #{spec.version}"
    target = File.join(@gem_home, "gems", spec.full_name)
    FileUtils.mkdir_p(File.join(target, "lib"))
    copy_gem(spec, target)
    packaged_files(spec).each {|file| copy_vendored(file, target) }
    copy_executables(spec, target)
    write_specification(spec)
  end

  def copy_gem(spec, target)
    return unless File.directory?(spec.full_gem_path)

    Dir.children(spec.full_gem_path).reject {|name| SKIPPED.include?(name) }.each do |name|
      FileUtils.cp_r(File.join(spec.full_gem_path, name), target, dereference_root: true)
    end
  end

  # Some packages keep Ruby files in vendor_ruby, and every compiled one its library elsewhere.
  def packaged_files(spec)
    package = query("dpkg-query", "-S", spec.loaded_from).split(":").first
    query("dpkg-query", "-L", package).lines(chomp: true).select {|path| load_name(path) && File.file?(path) }
  end

  # The path below lib that such a file is loaded by.
  def load_name(path)
    ELSEWHERE.each {|prefix| return path.sub(prefix, "") if path.match?(prefix) }
    nil
  end

  def copy_vendored(file, target)
    destination = File.join(target, "lib", load_name(file))
    return if File.exist?(destination)

    FileUtils.mkdir_p(File.dirname(destination))
    FileUtils.cp(file, destination)
  end

  def copy_executables(spec, target)
    spec.executables.each do |name|
      source = ["#{spec.full_gem_path}/#{spec.bindir}/#{name}", "/usr/bin/#{name}"].find {|path| File.file?(path) }
      next unless source

      FileUtils.mkdir_p(File.join(target, spec.bindir))
      FileUtils.cp(source, File.join(target, spec.bindir, name))
      write_wrapper(spec, name)
    end
  end

  def write_wrapper(spec, name)
    path = File.join(@gem_home, "bin", name)
    File.write(path, <<~RUBY)
      #!/usr/bin/env ruby
      require "rubygems"
      load Gem.activate_bin_path(#{spec.name.inspect}, #{name.inspect})
    RUBY
    File.chmod(0o755, path)
  end

  # Debian's extensions lie on the load path already: the specification must not ask for a build.
  def write_specification(spec)
    plain = Gem::Specification.load(spec.loaded_from).dup
    plain.extensions = []
    path = File.join(@gem_home, "specifications", "#{spec.full_name}.gemspec")
    File.write(path, plain.to_ruby)
  end

  def query(*argv)
    output, status = Open3.capture2(*argv)
    abort "#{argv.join(' ')} failed: is #{argv.last} from a Debian package?" unless status.success?
    output
  end
end
