# A photo as the API shows it.
class PhotoPresenter
  def initialize(photo)
    @photo = photo
  end

  def as_api
    {
      dimensions: {height: @photo.height, width: @photo.width}, guid: @photo.guid, created_at: @photo.created_at,
      sizes: {raw: @photo.url, large: @photo.url(:scaled_full), medium: @photo.url(:thumb_large),
              small: @photo.url(:thumb_medium)},
      author: {guid: @photo.author.guid, diaspora_id: @photo.author.diaspora_handle, name: @photo.author.name},
      post: @photo.status_message_guid
    }.compact
  end
end
