# A picture, made smaller by ImageMagick and kept below public/uploads/images.
class Photo < ApplicationRecord
  include HasGuid

  SIZES = {scaled_full: "2100x2100>", thumb_large: "300x1500>", thumb_medium: "100x100^", thumb_small: "50x50^"}.freeze
  DIRECTORY = Rails.root.join("public/uploads/images")
  # What an upload may be, told by its first bytes: ImageMagick itself would also run scripts.
  FORMATS = {
    "png" => /\A\x89PNG/n, "jpeg" => /\A\xFF\xD8\xFF/n, "gif" => /\AGIF8/n, "webp" => /\ARIFF....WEBP/mn
  }.freeze
  ProcessingFailed = Class.new(StandardError)

  belongs_to :author, class_name: "Person"
  belongs_to :status_message, foreign_key: :status_message_guid, primary_key: :guid

  after_destroy { files.each {|path| path.delete if path.exist? } }

  # Takes an uploaded file: the original is rewritten too, which drops its EXIF data.
  def process(upload)
    source = "#{format_of(upload)}:#{upload}"
    DIRECTORY.mkpath
    self.random_string = SecureRandom.hex(10)
    self.processed_image = "#{random_string}.webp"
    convert(source, file(nil))
    SIZES.each {|size, geometry| convert(source, file(size), "-resize", geometry) }
    self.width, self.height = dimensions
  end

  def url(size=nil)
    path = "/uploads/images/#{prefix(size)}#{processed_image}"
    AppConfig.url_to(path)
  end

  private

  def format_of(path)
    beginning = File.binread(path, 16).to_s
    FORMATS.find {|_, signature| beginning.match?(signature) }&.first || raise(ProcessingFailed, "no picture")
  end

  def prefix(size) = size ? "#{size}_" : ""
  def file(size) = DIRECTORY.join("#{prefix(size)}#{processed_image}")
  def files = [file(nil), *SIZES.keys.map {|size| file(size) }]

  def convert(source, target, *operations)
    run("convert", source, "-auto-orient", "-strip", *operations, target.to_s)
  end

  def dimensions = run("identify", "-format", "%w %h", file(nil).to_s).split.map(&:to_i)

  def run(*argv)
    output, errors, status = Open3.capture3(*argv)
    raise ProcessingFailed, errors.lines.first.to_s.strip unless status.success?

    output
  end
end
