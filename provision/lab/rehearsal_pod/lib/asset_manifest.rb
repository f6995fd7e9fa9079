# Which hashed file below public/assets stands for which source below app/assets.
# frozen_string_literal: true

require "digest"
require "fileutils"
require "json"
require "zlib"

class AssetManifest
  SOURCES = %w[images javascripts stylesheets].freeze
  COMPRESSED = %w[.css .js .svg].freeze

  def initialize(root)
    @root = Pathname(root)
    @public = @root.join("public/assets")
    @file = @public.join("manifest.json")
  end

  # "application.css" -> "/assets/application-<sha256>.css"; nil where it was never compiled.
  def path_of(name)
    hashed = entries[name]
    hashed && "/assets/#{hashed}"
  end

  def compile
    FileUtils.mkdir_p(@public)
    compiled = sources.to_h {|name, source| [name, publish(name, source)] }
    @file.write(JSON.pretty_generate(compiled))
    @entries = compiled
  end

  private

  def entries = @entries ||= @file.exist? ? JSON.parse(@file.read) : {}

  def sources
    SOURCES.flat_map do |kind|
      base = @root.join("app/assets", kind)
      base.glob("**/*").select(&:file?).sort.map {|path| [path.relative_path_from(base).to_s, path] }
    end
  end

  def publish(name, source)
    extension = File.extname(name)
    hashed = "#{name.delete_suffix(extension)}-#{Digest::SHA256.file(source)}#{extension}"
    target = @public.join(hashed)
    FileUtils.mkdir_p(target.dirname)
    FileUtils.cp(source, target)
    compress(target) if COMPRESSED.include?(extension)
    hashed
  end

  # Beside the file, for nginx's gzip_static; without a time, so that it is the same each time.
  def compress(path)
    Zlib::GzipWriter.open("#{path}.gz", Zlib::BEST_COMPRESSION) do |gzip|
      gzip.mtime = 1
      gzip.write(path.binread)
    end
  end
end
