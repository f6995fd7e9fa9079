# Photos by REST.
module Api
  module V1
    class PhotosController < BaseController
      needs "public:read", only: :show
      needs "public:modify", only: %i[create destroy]

      rescue_from(Photo::ProcessingFailed) { refuse(422, "Failed to create the photo") }

      def show = with_photo {|photo| render json: PhotoPresenter.new(photo).as_api }

      def create
        upload = params[:image]
        allowed = params[:aspect_ids] == "all" || @authorization.scopes?(%w[private:modify])
        return refuse(422, "Failed to create the photo") unless allowed && upload.respond_to?(:tempfile)

        photo = Photo.new(author: current_user.person, public: params[:aspect_ids] == "all",
                          pending: params[:pending].present?)
        photo.process(upload.tempfile.path)
        photo.save!
        render json: PhotoPresenter.new(photo).as_api
      end

      def destroy
        with_photo do |photo|
          next refuse(403, "Not allowed to delete the photo") unless photo.author == current_user.person

          photo.destroy!
          head :no_content
        end
      end

      private

      def with_photo
        photo = Photo.find_by(guid: params[:guid])
        photo ? yield(photo) : refuse(404, "Photo with provided guid could not be found")
      end
    end
  end
end
